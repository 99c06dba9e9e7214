"""Deploy one tenant: this is what `pulumi up` runs."""

import signal

from infra.program import run

# Pulumi interrupts the program when a deployment fails; it is to end, not to print a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)
run()
