"""docs/diagnosis.md says what the code can say, no more and no less."""

import re
from pathlib import Path

from integrations.kubernetes.diagnosis import keys
from integrations.kubernetes.diagnosis.reference import render_reference

ROOT = Path(__file__).parents[4]


def test_the_page_is_what_the_code_writes() -> None:
    assert (ROOT / "docs" / "diagnosis.md").read_text() == render_reference()


def test_every_key_is_used_and_every_used_key_is_known() -> None:
    folder = ROOT / "integrations" / "kubernetes" / "diagnosis"
    sources = "\n".join(path.read_text() for path in folder.glob("*.py") if path.name != "keys.py")
    families = "|".join({key.partition(".")[0] for key in keys.KEYS})
    used = set(re.findall(rf'"((?:{families})\.[a-z_]+)"', sources)) - {"image.ambiguous"}
    used |= {key for key in keys.KEYS if "." not in key and f'"{key}"' in sources}
    assert used == set(keys.KEYS)
    assert set(keys.KEYS) >= keys.SYMPTOMS
