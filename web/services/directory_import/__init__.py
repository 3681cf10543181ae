"""Files of the directory that admins import in the page: checked as a whole, shown in sentences, then published."""
