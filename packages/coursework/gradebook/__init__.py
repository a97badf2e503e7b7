"""What people read and fill in: tables of marks, the page to mark by, LMS files."""
