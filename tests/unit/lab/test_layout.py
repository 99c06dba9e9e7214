"""Names of labs."""

import pytest

from lab.error import LabInputError
from lab.layout import Layout


@pytest.mark.parametrize("name", ["lab-test", "Lab", "1lab", "a" * 17, "../etc", "lab "])
def test_name_that_could_be_mistaken_is_refused(name: str) -> None:
    with pytest.raises(LabInputError) as caught:
        Layout(name)
    assert str(caught.value) == (
        f'LAB_NAME: "{name}" is not a name for a lab. Allowed are a lower-case letter and then up '
        "to 15 lower-case letters and digits. Choose another name."
    )
    assert caught.value.exit_code == 2


def test_lab_is_called_lab_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LAB_NAME", raising=False)
    assert Layout.from_environment().name == "lab"
    monkeypatch.setenv("LAB_NAME", "second")
    assert Layout.from_environment().fabric == "second-fabric"
