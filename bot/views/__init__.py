"""Results into cards and forms: the only place with human language, and that comes from the catalogues."""
