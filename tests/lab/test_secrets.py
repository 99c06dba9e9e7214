"""No secret is where it must not be, during a run and after; and all are rotated under way.

In file order: the later tests look at what the earlier ones left. Known secrets are looked for
everywhere; what may hold one is listed below with the reason, and each way of looking first shows
that it can see. It does not prove what a program keeps in its memory.
"""

import base64
import itertools
import json
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from infra.certificate import split_pem
from infra.operations.management_path import MEMORY_FOLDER, ManagementPath
from infra.operations.secret import (
    CERTIFICATE_KEYS,
    DATABASES,
    FIRST_BOOT_KEY,
    FORMER_KEY,
    MANAGEMENT_KEY,
    TUNNELS,
    public_key,
)
from infra.operations.stack import ROOT
from infra.operations.stack_config import read_config
from infra.settings import VCENTER_PASSWORD
from lab.layout import Layout
from lab.process import until
from tests.lab.estate import PATIENCE_S
from tests.lab.partner import add_endpoint, certify
from tests.lab.site import EXAMPLE, Site, open_site
from tests.lab.tenant import PROGRAM, run_as_root, run_tenant
from tests.lab.town_hall import add_town_hall
from tests.lab.watch import (
    Watch,
    files_that_hold,
    host_files_that_hold,
    journal_holds,
    objects_that_hold,
)

pytestmark = pytest.mark.lab

TENANT = "geheim"
BASTION = "10.255.0.205"
"""The bastion's leg in this lab, away from the addresses of other tests."""

INTERFACE = {"vlan": 1280, "prefix": "10.22.80.0/24", "gateway": "10.22.80.1"}
PRIVATE_LINE = 20
"""Of a private key: the first ten have modulus and public exponent, which are not secret."""

KEEPERS_ON_HOSTS = {
    ("adapter01", "/etc/digikoppeling/key.pem"): "nginx shows its certificate by it",
    ("app01", "/etc/credstore/meldingen.database-password"): "the application logs in with it",
    ("app01", "/run/credentials/meldingen.service/database-password"): "systemd hands it over",
    ("edge01", "/etc/wireguard/wg0.key"): "WireGuard reads it",
    ("router01", "/etc/wireguard/wg0.key"): "WireGuard reads it",
}
"""Files on hosts that hold a secret, readable for root or the one service only."""


@dataclass(kw_only=True)
class Story:
    """One tenant and everything that was ever secret in it.

    temporary: where the programs make temporary files. started_ns: when it began. said: all that
    the commands printed.
    """

    site: Site
    layout: Layout
    temporary: Path
    started_ns: int
    secrets: set[str] = field(default_factory=set)
    said: str = ""

    def learn(self) -> dict[str, str]:
        """Note the secrets that the stack has now; return its configuration in the clear."""
        config = read_config(self.site.stack)
        for several in (DATABASES, TUNNELS):
            self.secrets |= set(json.loads(config.get(several, "{}")).values())
        self.secrets |= {config[VCENTER_PASSWORD], self.layout.passphrase_file.read_text().strip()}
        for keys in json.loads(config.get(CERTIFICATE_KEYS, "{}")).values():
            self.secrets |= {secret_line(key) for key in split_pem(keys)}
        for key in (MANAGEMENT_KEY, FORMER_KEY, FIRST_BOOT_KEY):
            if key in config:
                self.secrets.add(key_line(config[key]))
        return config

    def watch(self) -> Watch:
        """Return what looks at processes and at every place where a run writes."""
        home = Path.home()
        places = (ROOT, self.temporary, MEMORY_FOLDER, self.layout.backend)
        places += (home / ".pulumi", home / ".ansible", home / ".local/state")
        return Watch(self.secrets, places, frozenset({ROOT / ".venv", ROOT / ".git"}))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Have a watch look for secrets; none may be seen."""
        watch = self.watch()
        with watch.run():
            yield
        assert watch.looks > 3
        assert watch.found == set(), "secrets were seen"

    def run(self, *arguments: str) -> str:
        """Run the console script while a watch looks for secrets; none may be seen or said."""
        with self.watching():
            said = run_tenant(*arguments, TENANT, "--stack", self.site.stack.name)
        self.said += said
        assert not [secret for secret in self.secrets if secret in said]
        return said


@pytest.fixture(scope="module")
def story(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Return a tenant whose stack is made and whose servers are not."""
    temporary = tmp_path_factory.mktemp("temporary")
    started = time.time_ns()
    with (
        pytest.MonkeyPatch.context() as patch,
        open_site(
            layout,
            tmp_path_factory.mktemp("records"),
            TENANT,
            bastion=BASTION,
            without=("werkplek01",),
        ) as site,
    ):
        patch.setenv("TMPDIR", str(temporary))
        with site.edit() as content:
            add_town_hall(content)
            add_endpoint(content, "koppelvlak", INTERFACE, "adapter01", "10.22.80.11")
        certify(site, layout, tmp_path_factory.mktemp("certificates"))
        story = Story(site=site, layout=layout, temporary=temporary, started_ns=started)
        story.learn()
        yield story


@pytest.fixture
def path(story: Story) -> Iterator[ManagementPath]:
    """Return a way to the servers that there are now."""
    with story.site.path() as path:
        yield path


@pytest.fixture
def canary() -> str:
    """Return what is planted where it must be found; no secret."""
    return f"canary-{secrets.token_hex(16)}"


def key_line(private_key: str) -> str:
    """Return the line of an OpenSSH Ed25519 key that has the seed: others are alike in all."""
    return private_key.splitlines()[4]


def secret_line(private_key: str) -> str:
    """Return a line of an RSA key in PEM that has nothing of the public one."""
    return private_key.splitlines()[PRIVATE_LINE]


def keys_of(path: ManagementPath, servers: Iterable[str]) -> dict[str, list[str]]:
    """Return the lines that open each server's management account."""
    return {
        server: run_as_root(path, server, "cat ~ansible/.ssh/authorized_keys").splitlines()
        for server in servers
    }


def test_a_secret_in_an_argument_or_environment_is_seen(canary: str) -> None:
    for arguments, environment in (([canary], {}), ([], {"CANARY": canary})):
        watch = Watch({canary}, (), frozenset())
        program = [sys.executable, "-c", "input()", *arguments]
        with (
            subprocess.Popen(program, stdin=subprocess.PIPE, env=environment) as process,
            watch.run(),
        ):
            for _ in until(PATIENCE_S):
                if watch.found:
                    break
            process.kill()
        assert watch.found


@pytest.mark.parametrize(
    "shape", ["{}", '"{}"\n', "x{}"], ids=["as it stands", "quoted", "behind something"]
)
def test_a_secret_in_a_new_file_is_seen(story: Story, canary: str, shape: str) -> None:
    """Also one that is in base64, and one that is there for a moment only."""
    text = shape.format(canary)
    watch = story.watch()
    watch.secrets = {canary}
    planted = [place / f"planted-{canary[-8:]}" for place in watch.places if place.is_dir()]
    assert ROOT in watch.places
    with watch.run():
        for file, content in zip(
            planted, itertools.cycle([text, base64.b64encode(text.encode()).decode()])
        ):
            file.write_text(content)
        for _ in until(PATIENCE_S):
            if watch.found >= {str(file) for file in planted}:
                break
        for file in planted:
            file.unlink()
    assert watch.found == {str(file) for file in planted}


def test_a_secret_in_git_is_seen(tmp_path: Path, canary: str) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    assert not objects_that_hold({canary}, tmp_path)
    store = ["git", "hash-object", "-w", "--stdin"]
    subprocess.run(store, cwd=tmp_path, input=canary.encode(), check=True, capture_output=True)
    assert objects_that_hold({canary}, tmp_path)


def test_bringing_a_tenant_up_shows_no_secret(story: Story) -> None:
    assert "checks passed" in story.run("up")


def test_a_secret_on_a_host_is_seen(path: ManagementPath, canary: str) -> None:
    """In an environment, in a file, in the journal; it comes by standard input, seen by nobody."""
    plant = 'read canary; echo "$canary" > /root/planted; logger "$canary"'
    plant += '; env CANARY="$canary" sh -c "read end; rm /root/planted"'
    watch = Watch({canary}, (), frozenset())
    with (
        subprocess.Popen(
            [path.ssh, "app01", f"sudo sh -c '{plant}'"],
            env=path.environment,
            stdin=subprocess.PIPE,
            text=True,
        ) as process,
        watch.run(),
    ):
        assert process.stdin is not None
        process.stdin.write(f"{canary}\n")
        process.stdin.flush()
        for _ in until(PATIENCE_S):
            if watch.found:
                break
        assert "/root/planted" in host_files_that_hold({canary}, path, "app01")
        assert journal_holds({canary}, path, "app01")
        process.stdin.close()
    assert "environ of sh" in watch.found


def test_rotation_killed_under_way_is_completed_by_the_next_up(
    story: Story, tmp_path: Path
) -> None:
    """Nobody is restarted or locked out, nor a server that is made while keys change."""
    before = story.site.lives()
    former = story.learn()
    story.run("secrets", "rotate")
    fresh = story.learn()
    assert fresh[DATABASES] != former[DATABASES]
    ends = json.loads(fresh[TUNNELS]).items()
    assert ends
    assert not ends & json.loads(former[TUNNELS]).items()
    certified = json.loads(former[CERTIFICATE_KEYS])["adapter01"]
    (new,) = set(split_pem(json.loads(fresh[CERTIFICATE_KEYS])["adapter01"])) - {certified}
    assert fresh[FORMER_KEY] == former[MANAGEMENT_KEY] != fresh[MANAGEMENT_KEY]
    again = [PROGRAM, "secrets", "rotate", TENANT, "--stack", story.site.stack.name]
    refused = subprocess.run(again, capture_output=True, text=True, check=False)
    assert refused.returncode == 3
    assert "Run `tenant up` first" in refused.stderr
    with story.watching():
        certify(story.site, story.layout, tmp_path)
    with story.site.edit() as content:
        content["servers"]["werkplek01"] = workplace()
    kill_up_at(story, "bastion01: changed: management_key | Remove the others")
    story.run("up")
    settled = story.learn()
    assert FORMER_KEY not in settled
    assert json.loads(settled[CERTIFICATE_KEYS]) == {"adapter01": new}
    after = story.site.lives()
    assert after.pop("werkplek01")
    assert after == before
    with story.site.path() as path:
        keys = keys_of(path, [*after, "werkplek01"])
    assert keys == {server: [public_key(fresh[MANAGEMENT_KEY])] for server in keys}


def workplace() -> Any:
    """Return the server of the example that the tenant has not had so far."""
    example = YAML().load(EXAMPLE / "tenant.yaml")
    return example["servers"]["werkplek01"] | {"address": "10.22.10.11"}


def kill_up_at(story: Story, line: str) -> None:
    """Kill `tenant up` when it says a line."""
    with subprocess.Popen(
        [PROGRAM, "up", TENANT, "--stack", story.site.stack.name],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = list(itertools.takewhile(lambda said: line not in said, process.stdout))
        process.kill()
    assert process.returncode == -signal.SIGKILL, "".join(said)


def test_new_vcenter_password_is_taken_over_by_init(
    story: Story, tmp_path: Path, canary: str
) -> None:
    theirs = story.layout.run / "datacenter.yaml"
    changed = YAML().load(theirs)
    changed["vcenter"]["password_file"] = str(tmp_path / "password")
    ours = tmp_path / "datacenter.yaml"
    YAML().dump(changed, ours)
    (tmp_path / "password").write_text(canary)
    for description, password in ((ours, canary), (theirs, former_password(story))):
        run_tenant("init", TENANT, "--datacenter", str(description), "--bastion-address", BASTION)
        assert read_config(story.site.stack)[VCENTER_PASSWORD] == password
        assert canary not in (ROOT / f"Pulumi.{story.site.stack.name}.yaml").read_text()


def former_password(story: Story) -> str:
    """Return the vCenter's password as the lab gives it."""
    return story.layout.password_file.read_text().strip()


def test_afterwards_no_file_of_the_machine_holds_a_secret(story: Story) -> None:
    places = [ROOT, Path.home(), story.layout.run, MEMORY_FOLDER, story.temporary]
    places += [Path("/tmp"), Path("/var/tmp"), Path("/var/log")]  # noqa: S108 (looked at only)
    layout = story.layout
    # What the provider hands over stands in these, made by the lab.
    given = {layout.passphrase_file, layout.password_file, layout.credentials_file}
    found = files_that_hold(story.secrets, places, frozenset(), story.started_ns)
    assert found == {str(file) for file in given if file.stat().st_ctime_ns >= story.started_ns}


def test_afterwards_git_holds_no_secret(story: Story) -> None:
    assert not objects_that_hold(story.secrets, ROOT)


def test_afterwards_hosts_hold_what_they_must_and_no_other_secret(
    story: Story, path: ManagementPath
) -> None:
    servers = story.site.stack.outputs().plan.servers
    found = {
        (server, file)
        for server in servers
        for file in host_files_that_hold(story.secrets, path, server)
    }
    assert found == set(KEEPERS_ON_HOSTS)
    assert not [server for server in servers if journal_holds(story.secrets, path, server)]
