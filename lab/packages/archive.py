"""Which Debian archives hosts may reach, and how this machine reaches them.

Responsible for reading the machine's apt configuration; it must not name a mirror itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from yarl import URL

from lab.command import run

_DEBIAN_SOURCES = Path(__file__).parent.parent / "image" / "debian-sources"


@dataclass(frozen=True)
class Archives:
    """The allowed archives.

    Attributes:
        schemes: "host[:port]" of each archive -> "http" or "https", as this machine reaches it.
            Hosts always ask by http: the proxy can only store what it can read, and apt checks
            signatures.
        apt_settings: the settings below Acquire::http and Acquire::https, by full name.
    """

    schemes: Mapping[str, str]
    apt_settings: Mapping[str, str]

    def allows(self, url: URL) -> bool:
        """Say whether hosts may fetch from the archive that `url` names."""
        return archive_name(url) in self.schemes

    def upstream(self, url: URL) -> URL:
        """Return where this machine fetches what a host asks for as `url`."""
        # with_scheme() would decode and encode the path again; "%2b" and "+" are not the same
        # file to every mirror.
        name = archive_name(url)
        return URL(f"{self.schemes[name]}://{name}{url.raw_path}", encoded=True)

    def outgoing_proxy(self, upstream: URL) -> str | None:
        """Return the proxy that apt on this machine would use for `upstream`, None for none.

        Source: apt-transport-http(1): a host's own setting comes first, "DIRECT" means none, and
        https falls back to the settings of http.
        """
        for scope in (f"::{upstream.host}", ""):
            for scheme in dict.fromkeys((upstream.scheme, "http")):
                setting = self.apt_settings.get(f"Acquire::{scheme}::Proxy{scope}")
                if setting:
                    return None if setting == "DIRECT" else setting
        return None


def archive_name(url: URL) -> str:
    """Return the archive that a URL is of: its host, and its port where that is not the usual."""
    return url.host_port_subcomponent or ""


def read_archives() -> Archives:
    """Read the archives from the apt configuration of this machine.

    Raises:
        LabError: there is no Debian source; the message is that of lab/image/debian-sources.
    """
    sources = [URL(line.split()[0]) for line in run([str(_DEBIAN_SOURCES)]).splitlines()]
    dump = run(["apt-config", "dump", "--format", "%F=%v%n", "Acquire::http", "Acquire::https"])
    settings = (line.partition("=") for line in dump.splitlines())
    return Archives(
        schemes={archive_name(source): source.scheme for source in sources},
        apt_settings={name: value for name, _, value in settings},
    )
