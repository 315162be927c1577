"""The batch path of `chassis/`, simulated: an invented broker and database, and every interleaving a seed can draw.

Hold it beside the real one: `path.py`, `publish.py`, `consume.py` and `keeper.py` here mirror the files of the same
names in chassis/src/chassis, and each function says which one it stands for. `scheduler.py`, `database.py` and
`broker.py` are the world around them, `weather.py` what goes wrong in it, `invariants.py` what must be true at the end,
`mutants.py` the bugs that have to be found.
"""
