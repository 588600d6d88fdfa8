"""The books: one a subject. Each checks, builds, journals and returns; none imports another."""
