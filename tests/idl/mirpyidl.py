"""A stand-in for mirpyidl: the same calls, carried out by one GDL process that stays.

What is known of mirpyidl 0.4.2 is kept: bytes are copied as they lie, one element comes back as a
plain number, an error inside IDL raises after IDL has printed its message, a variable that is not
there raises too, and an assignment that fails leaves its variable as it was.
"""

import atexit
import os
import re
import shutil
import subprocess
import tempfile

import numpy as np

__version__ = "0.0 (stand-in over GDL)"

_TYPES = {1: "u1", 2: "i2", 3: "i4", 4: "f4", 5: "f8", 14: "i8", 15: "u8"}
_MAKE = {"float64": "DBLARR", "float32": "FLTARR", "int32": "LONARR", "int64": "LON64ARR"}


class IdlExecutionError(RuntimeError):
    pass


class IdlNameError(NameError):
    pass


class IdlTypeError(TypeError):
    pass


class _Gdl:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="stand-in-", dir=os.getcwd())
        environment = {
            key: value
            for key, value in os.environ.items()
            if key not in ("DISPLAY", "GDL_STARTUP", "GDL_PATH")
        }
        self.process = subprocess.Popen(
            ["gdl", "-quiet"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=dict(environment, HOME=self.folder),
        )  # fmt: skip
        self.count = 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def say(self, *lines):
        """Carry out lines; give what GDL printed, and its error message."""
        self.count += 1
        mark = f"stand-in-mark-{self.count}"
        ask = ("MESSAGE, /RESET", *lines, "RETALL", "PRINT, '<' + !ERROR_STATE.MSG + '>'")
        text = "\n".join(ask) + f"\nPRINT, '{mark}'\n"
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()
        printed = []
        while True:
            line = self.process.stdout.readline().decode("utf-8", "replace")
            if not line:
                raise IdlExecutionError("GDL has ended: " + "".join(printed))
            if line.strip() == mark:
                break
            printed.append(line)
        said = "".join(printed)
        message = re.search(r"<([^<>]*)>\s*\Z", said)
        return said[: message.start()] if message else said, message[1] if message else "?"

    def end(self):
        self.process.stdin.close()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


_gdl = None


def _session():
    global _gdl
    if _gdl is None:
        _gdl = _Gdl()
        atexit.register(_gdl.end)
    return _gdl


def execute(command):
    said, message = _session().say(command)
    print(said, end="", flush=True)
    if message:
        raise IdlExecutionError("Error (-1) in executing command: " + command)


def setVariable(name, value):
    gdl = _session()
    if isinstance(value, str):
        said, message = gdl.say("{} = '{}'".format(name, value.replace("'", "''")))
    elif isinstance(value, np.ndarray):
        # As mirpyidl does: the bytes from where the array begins, whatever its strides are.
        begin = value.__array_interface__["data"][0]
        import ctypes

        with open(gdl.path("given"), "wb") as file:
            file.write(ctypes.string_at(begin, value.nbytes))
        shape = ", ".join(map(str, reversed(value.shape)))
        said, message = gdl.say(
            f"{name} = {_MAKE[value.dtype.name]}({shape})",
            "OPENR, 9, '{}'".format(gdl.path("given")),
            f"READU, 9, {name}",
            "CLOSE, 9",
        )
    else:
        said, message = gdl.say(f"{name} = {float(value)!r}d0")
    assert not message, said + message


def getVariable(name):
    gdl = _session()
    said, message = gdl.say(
        f"PRINT, SIZE({name}, /TYPE), SIZE({name}, /N_DIMENSIONS), SIZE({name}, /DIMENSIONS)"
    )
    numbers = [int(word) for word in said.split() if re.fullmatch(r"-?\d+", word)]
    if message or not numbers or numbers[0] == 0:
        raise IdlNameError("Varible does not exist in the IDL main scope: " + name)
    kind, rank, shape = numbers[0], numbers[1], numbers[2:]
    if kind == 7:
        return gdl.say(f"PRINT, {name}")[0].rstrip("\n")
    if kind not in _TYPES:
        raise IdlTypeError(f"IDL data type {kind} not yet supported.")
    gdl.say("OPENW, 9, '{}'".format(gdl.path("taken")), f"WRITEU, 9, {name}", "CLOSE, 9")
    values = np.fromfile(gdl.path("taken"), dtype=_TYPES[kind])
    if rank == 0 or values.size == 1:
        return values[0].item()
    return values.reshape(shape[::-1])
