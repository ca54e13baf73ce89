"""What Butine keeps: tables, the database they live in, and queries by topic. Imports nothing of bot."""
