"""The bytes of evidence: stores, types, encryption."""
