"""The picture of many-machines.md: its cost model (benchmarks/dask_training.py), drawn."""

import sys
from pathlib import Path

from page import COLORS, GREY, new_figure, save

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from dask_training import MACHINES, model_table, speed_up


def main():
    print(model_table())
    figure = new_figure(figsize=(6.5, 3.2))
    ax = figure.add_subplot()
    ax.loglog(
        MACHINES, MACHINES, color=GREY, linestyle="--", label="as many times faster as machines"
    )
    for seconds, color in zip((10.0, 1.0, 0.1), COLORS):
        speeds = [speed_up(m, seconds, 0.8e6, 0.8e6, 1.25e9, 2e-3) for m in MACHINES]
        ax.loglog(
            MACHINES, speeds, "o-", color=color, label=f"a step of {seconds:g} s on one machine"
        )
    ax.set_xticks(MACHINES, MACHINES)
    ax.set_xticks([], minor=True)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set(xlabel="machines", ylabel="times faster (a model)", ylim=(0.25, 300))
    ax.legend(fontsize="small", frameon=False)
    save(figure, Path(__file__).with_name("many-machines.py"))


if __name__ == "__main__":
    main()
