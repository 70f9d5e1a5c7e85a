"""A training in a notebook, in a real kernel: by %run, within the kernel, and by !, beside it."""

import re
import sys
from pathlib import Path

import lives
import pytest

pytestmark = pytest.mark.long

nbclient = pytest.importorskip("nbclient", reason="pip install -e .[notebook] brings nbclient")
pytest.importorskip("ipykernel", reason="pip install -e .[notebook] brings ipykernel")
nbformat = pytest.importorskip("nbformat", reason="it comes with nbclient")

EPOCHS = 40  # of so few steps each that they take some seconds


def executed(*cells):
    """What each cell gave: the text of its streams by name, and the types of its outputs."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(
        notebook,
        timeout=lives.WAIT,
        kernel_name="python3",
        resources={"metadata": {"path": str(lives.ROOT)}},
        allow_errors=True,
    ).execute()
    streams, kinds = [], []
    for cell in notebook.cells:
        texts = {"stdout": "", "stderr": ""}
        for output in cell.outputs:
            if output.output_type == "stream":
                texts[output.name] += output.text
        streams.append(texts)
        kinds.append({output.output_type for output in cell.outputs})
    return streams, kinds


def seen(text):
    """The lines as a notebook shows them: what stands last in each place of a line."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        shown = ""
        for piece in line.split("\r"):
            shown = piece + shown[len(piece) :]
        lines.append(shown.rstrip())
    return lines


@pytest.fixture(scope="module")
def cells(corpus, tmp_path_factory):
    logs = tmp_path_factory.mktemp("logs")
    fields = lives.PTB | {"data_path": corpus, "logdir": logs, "epochs": EPOCHS}
    words = " ".join(lives.flags(fields))
    compare = f"compare.py {logs}/run --plot {logs}/a.png"
    streams, kinds = executed(
        f"%run train.py {words} --name run",
        f"!{sys.executable} train.py {words} --name shell",
        f"%run {compare}",
        "%run train.py --config smal",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    )
    return logs, streams, kinds


@pytest.mark.parametrize(("number", "name"), [(0, "run"), (1, "shell")])
def test_a_notebook_trains_and_shows_whole_lines_and_one_that_is_updated(cells, number, name):
    logs, streams, kinds = cells
    out, err = streams[number]["stdout"], streams[number]["stderr"]
    assert err == ""
    assert kinds[number] == {"stream"}, "no HTML, no widgets"
    assert (logs / name / "result.json").is_file(), out
    assert "\x1b" not in out
    updates = re.findall(r"\repoch \d+/40  perplexity [0-9.]+  [0-9,]+ words/s  \d+%", out)
    assert updates, "progress within the training"
    lines = seen(out)
    epochs = [line for line in lines if re.match(r"epoch +\d+  lr ", line)]
    assert len(epochs) == EPOCHS
    assert all(re.fullmatch(r"epoch .* \d+:\d\d(  best)?", line) for line in epochs)
    assert not [line for line in lines if re.match(r"epoch \d+/", line)], "the updated line is gone"


def test_the_other_commands_and_mistakes_are_text(cells):
    _, streams, kinds = cells
    assert "test perplexity" in streams[2]["stdout"]
    assert kinds[2] == {"stream"}
    assert streams[3]["stderr"].startswith("train.py: no preset 'smal'")


def test_the_kernel_draws_as_before(cells):
    assert "display_data" in cells[2][4]
    assert Path(cells[0], "run", "curves.png").is_file()
