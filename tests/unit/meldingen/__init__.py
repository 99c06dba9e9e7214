"""The example application meldingen, as it runs on a host."""
