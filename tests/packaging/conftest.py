"""`packaging/` is a folder of scripts that find each other as Python finds them: by its path."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "packaging"))
