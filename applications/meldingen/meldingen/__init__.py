"""Reports of broken street furniture, filed by staff and read by everybody in the office."""
