"""What a user's message states: the text in, statements out."""
