"""The lab's package proxy: the only way out of the fabric, for Debian packages alone, cached."""
