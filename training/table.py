"""A table with a column a run, in as many parts as its columns need where the screen is narrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from training.screen import table_console

WIDE = 100_000  # characters, where the table is not for a terminal
GAP = 3  # characters between two columns
FOLDED = 20  # a name or a text that is longer may be folded to this


@dataclass(frozen=True)
class ColumnTable:
    """Names of columns, and below them sections of rows: a heading, and a cell for every column.

    Texts may be folded where they are long, figures are never.
    """

    names: Sequence[str]
    texts: Sequence[tuple[str, list[Text]]]
    figures: Sequence[tuple[str, list[Text]]]

    def show(self) -> None:
        """Prints it, with all columns side by side if they fit into the terminal."""
        console = table_console(width=WIDE)
        parts = list(self.parts(console.width))
        for part in parts:
            console.print(self._table(part))
            if len(parts) > 1:
                print(f"({part.start + 1} to {part.stop} of {len(self.names)})\n")

    def parts(self, width: int) -> Iterator[range]:
        """The columns in parts that are not wider than this, if a single one is not."""
        headings = [len(heading) for heading, _ in [*self.texts, *self.figures]]
        room = width - max(headings, default=0)
        start, left = 0, room
        for column in range(len(self.names)):
            needed = GAP + self._narrowest(column)
            if needed > left and column > start:
                yield range(start, column)
                start, left = column, room
            left -= needed
        yield range(start, len(self.names))

    def _narrowest(self, column: int) -> int:
        texts = [Text(self.names[column]), *(cells[column] for _, cells in self.texts)]
        widths = [min(text.cell_len, FOLDED) for text in texts]
        return max(widths + [cells[column].cell_len for _, cells in self.figures])

    def _table(self, part: range) -> Table:
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        table.add_column(no_wrap=True)
        for column in part:  # Text: nothing in a name is markup
            name = Text(self.names[column])
            table.add_column(name, justify="right", overflow="fold")
        for rows in (self.texts, self.figures):
            for heading, cells in rows:
                table.add_row(heading, *(cells[column] for column in part))
            table.add_section()
        return table
