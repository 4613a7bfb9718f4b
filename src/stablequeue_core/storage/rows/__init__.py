"""Values as the rows of a table, and back: the same for every database that speaks SQL."""
