"""The attack cases of DOMAIN.md section 3 by kind: each module says what it tries and from where.

Pure: ground and leg in, attempts out. Must not judge what happens.
"""
