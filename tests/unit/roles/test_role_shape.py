"""Every role has the shape that STYLE gives it. Proves nothing about what a role does."""

import pytest

from tests.unit.roles.option_table import (
    ROLES,
    read_specs,
    read_yaml,
    render,
    replace_table,
    role_names,
)

REGENERATE = "python -m tests.unit.roles.option_table"


@pytest.mark.parametrize("role", role_names())
def test_defaults_are_the_options_that_are_not_required(role: str) -> None:
    options = {
        name: option
        for specification in read_specs(role).values()
        for name, option in (specification.get("options") or {}).items()
    }
    optional = {name for name, option in options.items() if not option.get("required")}
    defaults = read_yaml(ROLES / role / "defaults" / "main.yml")
    assert set(defaults) == optional, (
        f"roles/{role}: defaults/main.yml and meta/argument_specs.yml differ in"
        f" {sorted(set(defaults) ^ optional)}. An option has a default there or is required here."
    )
    stated = {name: options[name].get("default") for name in optional}
    assert stated == defaults, f"roles/{role}: both files must state the same defaults"


@pytest.mark.parametrize("role", role_names())
def test_options_carry_the_role_name(role: str) -> None:
    for specification in read_specs(role).values():
        for name in specification.get("options") or {}:
            assert name.startswith(f"{role}_"), f"roles/{role}: {name}: must begin with {role}_"


@pytest.mark.parametrize("role", role_names())
def test_readme_lists_the_options(role: str) -> None:
    text = (ROLES / role / "README.md").read_text()
    assert text == replace_table(text, render(role)), (
        f"roles/{role}/README.md: its options differ from meta/argument_specs.yml."
        f" Run `{REGENERATE}` and commit the file."
    )


@pytest.mark.parametrize("role", role_names())
def test_written_files_say_who_wrote_them(role: str) -> None:
    for folder in ("templates", "files"):
        for file in sorted((ROLES / role / folder).glob("*")):
            text = file.read_text()
            assert f"Written by Ansible (role {role})" in text or "{{ ansible_managed }}" in text, (
                f"roles/{role}/{folder}/{file.name}: must say in its first lines that Ansible"
                f" writes it in role {role}, so that nobody edits the copy on a host"
            )
