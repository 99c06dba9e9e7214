"""What Molecule's scenarios share: lab hosts of their own, and tests that hold for every role."""
