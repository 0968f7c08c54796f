"""A plan rehearsed before its data is there: every step of it once, on made images; time, memory and what fails."""
