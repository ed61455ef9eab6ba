"""How rarely Python looks for objects that refer to one another in a circle; set as this is loaded,
before what is large.

Records are made by the hundred thousand, and classes by the hundred as modules are loaded; few of
either are ever given back. Looking after every 700 new ones, as Python does, takes a twentieth of
an audit.
"""

from __future__ import annotations

import gc

NEW_OBJECTS = 50_000

gc.set_threshold(NEW_OBJECTS)
