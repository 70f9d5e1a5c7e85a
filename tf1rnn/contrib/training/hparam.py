"""A set of hyperparameters with names, types and values: `tf.contrib.training.HParams`."""

from __future__ import annotations

import json
import numbers
from typing import Any

from tf1rnn.contrib.training.parsing import parse_values


class HParamDef:
    """What `HParams.to_proto` gives and `HParams(hparam_def=...)` takes.

    It stands in for the protocol buffer of that name.

    Args:
      values: the values by name.
    """

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        self.hparam = dict(values or {})


class HParams:
    """Hyperparameters, each an attribute that keeps the type of its first value.

    Args:
      hparam_def: an `HParamDef` to start from.
      model_structure: any object, kept for `get_model_structure`.
      **kwargs: the hyperparameters and their values: numbers, strings, bools, lists of them, or
        None, which can be set to anything.
    """

    def __init__(
        self, hparam_def: HParamDef | None = None, model_structure: Any = None, **kwargs: Any
    ) -> None:
        self._hparam_types: dict[str, tuple[type, bool]] = {}  # by name: type, whether a list
        self._model_structure = model_structure
        if hparam_def is not None:
            assert isinstance(hparam_def, HParamDef), f"not an HParamDef: {hparam_def!r}"
            kwargs = {**hparam_def.hparam, **kwargs}
        for name, value in kwargs.items():
            self.add_hparam(name, value)

    def add_hparam(self, name: str, value: Any) -> None:
        """Adds a hyperparameter.

        Raises:
          ValueError: the name is taken, or the value is an empty list, which tells no type.
        """
        if getattr(self, name, None) is not None:
            raise ValueError(f"Hyperparameter name is reserved: {name}")
        if isinstance(value, list | tuple):
            if not value:
                raise ValueError(f"Multi-valued hyperparameters cannot be empty: {name}")
            self._hparam_types[name] = (type(value[0]), True)
        else:
            self._hparam_types[name] = (type(value), False)
        setattr(self, name, value)

    def set_hparam(self, name: str, value: Any) -> None:
        """Sets a hyperparameter that there is.

        Raises:
          KeyError: there is none of that name.
          ValueError: the value is not of its type.
        """
        of_type, is_list = self._hparam_types[name]
        if isinstance(value, list):
            if not is_list:
                raise ValueError(f"Must not pass a list for single-valued parameter: {name}")
            setattr(self, name, [_cast(name, of_type, one) for one in value])
        else:
            if is_list:
                raise ValueError(f"Must pass a list for multi-valued parameter: {name}.")
            setattr(self, name, _cast(name, of_type, value))

    def del_hparam(self, name: str) -> None:
        """Removes a hyperparameter, if there is one of that name."""
        if hasattr(self, name):
            delattr(self, name)
            del self._hparam_types[name]

    def parse(self, values: str) -> HParams:
        """Sets what a text says, for example `"learning_rate=0.1,layers=[128,64]"`.

        Returns:
          Itself.

        Raises:
          ValueError: as `parse_values`, or a name is not that of a hyperparameter.
        """
        known = {name: of_type for name, (of_type, _) in self._hparam_types.items()}
        return self.override_from_dict(parse_values(values, known))

    def override_from_dict(self, values_dict: dict[str, Any]) -> HParams:
        """Sets the hyperparameters of a dict. Returns itself; raises as `set_hparam`."""
        for name, value in values_dict.items():
            self.set_hparam(name, value)
        return self

    def set_from_map(self, values_map: dict[str, Any]) -> HParams:
        """The older name of `override_from_dict`."""
        return self.override_from_dict(values_map)

    def parse_json(self, values_json: str) -> HParams:
        """Sets what a JSON object says. Returns itself; raises as `set_hparam`."""
        return self.override_from_dict(json.loads(values_json))

    def to_json(
        self,
        indent: int | None = None,
        separators: tuple[str, str] | None = None,
        sort_keys: bool = False,
    ) -> str:
        """The values as a JSON object, without functions; the arguments are those of `json`."""
        values = {name: value for name, value in self.values().items() if not callable(value)}
        return json.dumps(values, indent=indent, separators=separators, sort_keys=sort_keys)

    def values(self) -> dict[str, Any]:
        """The values by name."""
        return {name: getattr(self, name) for name in self._hparam_types}

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a hyperparameter, or a default where there is none of that name.

        Raises:
          ValueError: a default is given that is not of the hyperparameter's type.
        """
        if key not in self._hparam_types:
            return default
        if default is not None:
            of_type, is_list = self._hparam_types[key]
            if isinstance(default, list) != is_list:
                raise ValueError(f"default of {key} must {'' if is_list else 'not '}be a list")
            for one in default if is_list else [default]:
                _cast(key, of_type, one)
        return getattr(self, key)

    def get_model_structure(self) -> Any:
        """The object given as `model_structure`."""
        return self._model_structure

    def set_model_structure(self, model_structure: Any) -> None:
        """Sets what `get_model_structure` gives."""
        self._model_structure = model_structure

    def to_proto(self, export_scope: str | None = None) -> HParamDef:
        """The values as an `HParamDef`."""
        return HParamDef(self.values())

    @staticmethod
    def from_proto(hparam_def: HParamDef, import_scope: str | None = None) -> HParams:
        """Hyperparameters from an `HParamDef`."""
        return HParams(hparam_def=hparam_def)

    def __contains__(self, key: str) -> bool:
        return key in self._hparam_types

    def __str__(self) -> str:
        return str(sorted(self.values().items()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"


def _cast(name: str, of_type: type, value: Any) -> Any:
    """The value as one of a type.

    An int may become a float; nothing but strings becomes a string, and nothing a bool.

    Raises ValueError where it cannot.
    """
    if of_type is type(None) or type(value) is of_type:
        return value
    if issubclass(of_type, str | bytes):
        good = isinstance(value, str | bytes)
    elif issubclass(of_type, bool) or isinstance(value, bool):
        good = False
    elif issubclass(of_type, numbers.Integral):
        good = isinstance(value, numbers.Integral)
    else:
        good = not issubclass(of_type, numbers.Number) or isinstance(value, numbers.Number)
    if not good:
        raise ValueError(
            f"Could not cast hparam '{name}' of type '{of_type.__name__}' from value {value!r}"
        )
    return of_type(value)
