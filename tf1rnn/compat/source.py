"""Reads an old program's files so that arrays are what they were.

NumPy allowed `int(x)`, `float(x)` and `"%.2f" % x` of such an array until 2.3, and programs that
draw characters by `int(np.searchsorted(sums, np.random.rand(1)))` rest on it. These are compiled as
calls of `one_number` and `numbers_of`. Methods that arrays have no more (`x.tostring()`) are asked
for by `member`. No file is written.
"""

from __future__ import annotations

import ast
import builtins
import functools
import re
import sys
import sysconfig
from collections.abc import Callable
from importlib.abc import PathEntryFinder
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

PACKAGE = Path(__file__).parents[1]

# Among the builtins, whose names all files see.
_ONE_NUMBER, _NUMBERS_OF = "__tf1rnn_one_number__", "__tf1rnn_numbers_of__"
_MEMBER = "__tf1rnn_member__"
_CONVERSION = re.compile(r"%[-#0 +]*\d*(?:\.\d+)?[hlL]?([a-zA-Z%])")


def one_number(x: Any) -> Any:
    """The number of an array of one; all else as it is."""
    return x.item() if isinstance(x, np.ndarray) and x.size == 1 else x


def numbers_of(text: str, values: Any) -> Any:
    """The values of `text % values`: where the text asks for a number, that of an array of one."""
    kinds = [kind for kind in _CONVERSION.findall(text) if kind != "%"]
    parts = values if isinstance(values, tuple) else (values,)
    if len(parts) != len(kinds):  # a mapping, or widths that are values, too
        return values
    pairs = zip(parts, kinds, strict=True)
    return tuple(part if kind in "rsa" else one_number(part) for part, kind in pairs)


_METHODS: dict[str, Callable[..., Any]] = {
    "getchildren": list,  # of an element of xml
    "itemset": lambda array, *place: array.__setitem__(
        place[:-1] if len(place) != 2 else np.unravel_index(place[0], array.shape), place[-1]
    ),
    "newbyteorder": lambda array, order="S": array.view(array.dtype.newbyteorder(order)),
    "ptp": np.ptp,
    "tostring": lambda array, order="C": array.tobytes(order),
}


def member(x: Any, name: str) -> Any:
    """`x.name`, or where x has no such method any more, what did the same."""
    if hasattr(x, name) or not isinstance(x, np.ndarray | np.generic | Element):
        return getattr(x, name)
    return functools.partial(_METHODS[name], x)


class _Numbers(ast.NodeTransformer):
    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if node.attr not in _METHODS or not isinstance(node.ctx, ast.Load):
            return node
        given = [node.value, ast.Constant(node.attr)]
        return ast.copy_location(ast.Call(ast.Name(_MEMBER, ast.Load()), given, []), node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        text = node.left
        is_text = isinstance(text, ast.Constant) and isinstance(text.value, str)
        if isinstance(node.op, ast.Mod) and is_text:
            call = ast.Call(ast.Name(_NUMBERS_OF, ast.Load()), [text, node.right], [])
            node.right = ast.copy_location(call, node.right)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        is_number = isinstance(node.func, ast.Name) and node.func.id in ("int", "float")
        if is_number and len(node.args) == 1 and not isinstance(node.args[0], ast.Starred):
            call = ast.Call(ast.Name(_ONE_NUMBER, ast.Load()), node.args, [])
            node.args = [ast.copy_location(call, node.args[0])]
        return node


class Loader(SourceFileLoader):
    """Compiles a file of the program, each time anew."""

    def get_code(self, fullname: str) -> CodeType:
        """The code of the file."""
        path = self.get_filename(fullname)
        tree = _Numbers().visit(ast.parse(self.get_data(path), path))
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


def _finder(folder: str) -> PathEntryFinder:
    """Finds the modules of a folder.

    Raises:
      ImportError: the folder is one of Python's or of an installed package.
    """
    path = Path(folder).resolve()
    is_installed = any(path.is_relative_to(one) for one in _INSTALLED)
    if is_installed or {"site-packages", "dist-packages"} & set(path.parts):
        raise ImportError(f"{folder} is no folder of the program")
    return _find(folder)


_find = FileFinder.path_hook((ExtensionFileLoader, EXTENSION_SUFFIXES), (Loader, SOURCE_SUFFIXES))
_INSTALLED = {
    Path(folder).resolve()
    for folder in (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), PACKAGE)
}


def read_so() -> None:
    """From here on the modules that a program imports from its own folders are read so."""
    setattr(builtins, _ONE_NUMBER, one_number)
    setattr(builtins, _NUMBERS_OF, numbers_of)
    setattr(builtins, _MEMBER, member)
    sys.path_hooks.insert(0, _finder)
    sys.path_importer_cache.clear()


def run(path: str) -> None:
    """Runs a file as `__main__`, read so."""
    main = ModuleType("__main__")
    main.__file__ = path
    sys.modules["__main__"] = main
    Loader("__main__", path).exec_module(main)
