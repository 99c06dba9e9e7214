"""Name what servers have, whatever a record says. Constants only."""

MANAGEMENT_ACCOUNT = "ansible"
"""The account on every server that configuration and checks use, by key only."""

SSH_PORT = 22
NAMES_PORT = 53
TIME_PORT = 123
TUNNEL_PORT = 51820
DATABASE_PORT = 5432
DIGIKOPPELING_PORT = 443
"""Source: Logius, Digikoppeling Beveiligingsstandaarden en -voorschriften, chapter TLS."""

PACKAGE_RELAY_PORT = 3142
"""The bastion's relay to the provider's package proxy, for all servers of the tenant."""
