"""What a capture is: records of exchanges, what is scrubbed of them, and the file that holds them."""
