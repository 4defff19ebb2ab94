"""What the bundled backends' index costs at the size of an index of 2016: searches, and the page of a large project."""
