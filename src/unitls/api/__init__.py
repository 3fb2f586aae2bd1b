"""The abstract classes, values, enumerations and errors of unitls: no I/O, no backend."""
