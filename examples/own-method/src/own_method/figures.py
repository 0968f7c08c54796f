"""What the report shows of the method."""

from hardmine.plotting import Report, colour_of, grid, save

__all__ = ["FIGURES"]


def order(report: Report) -> None:
    """Share of anchors whose nearest positive is nearer than any negative of the batch, over training."""
    with grid(1, 1) as (drawn, ((axes,),)):
        for run in report.runs_of("easy-positive"):
            rows = report.histories[report.histories.run == run]
            mean = rows.groupby("images").in_order.mean()
            axes.plot(mean.index, mean, marker="o", markersize=3, color=colour_of(run), label=run)
        axes.set_ylim(0, 1)
        axes.set_xlabel("training images seen")
        axes.set_ylabel("anchors in the right order")
        drawn.legend(loc="outside lower center")
        save(drawn, report.folder, "easy-positive-order")


FIGURES = {"easy-positive-order": order}
