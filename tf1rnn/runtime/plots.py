"""Pictures of runs. Every function draws a matplotlib Figure; none touches a display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

TRAIN, VALID, BEST = "tab:blue", "tab:orange", "tab:green"


def curves(
    title: str, metric: str, records: Sequence[Mapping[str, float]], best_epoch: int | None
) -> Figure:
    """Training and validation score over the epochs, with the learning rate below.

    records: one mapping an epoch with `epoch`, `train`, `valid` and `learning_rate`.
    """
    figure = Figure(figsize=(7, 5.5), layout="constrained")
    score, rate = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    epochs = [record["epoch"] for record in records]
    for split, colour in (("train", TRAIN), ("valid", VALID)):
        scores = [record[split] for record in records]
        score.plot(epochs, scores, "o-", ms=3, color=colour, label=split)
    if best_epoch is not None:
        best = records[best_epoch - 1]["valid"]
        score.plot([best_epoch], [best], "o", ms=9, mfc="none", color=BEST)
        score.annotate(
            f"best {best:.4g}", (best_epoch, best), (0, 10), textcoords="offset points", ha="right"
        )
    if metric == "perplexity":
        score.set_yscale("log")
        if score.get_ylim()[1] < 10_000:  # beyond, numbers at every tick would overlap
            score.yaxis.set_major_formatter("{x:.0f}")
            score.yaxis.set_minor_formatter("{x:.0f}")
    score.set(title=title, ylabel=metric)
    score.grid(alpha=0.3, which="both")
    score.legend()
    rate.plot(epochs, [record["learning_rate"] for record in records], color="tab:gray")
    rate.set(xlabel="epoch", ylabel="learning rate", ylim=(0, None))
    rate.xaxis.get_major_locator().set_params(integer=True)
    rate.grid(alpha=0.3)
    return figure
