"""The shape of the roles: what their options say is what they have. No host is touched."""
