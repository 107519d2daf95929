"""What a stack consists of and how it is brought about: the desired states and the loop. Knows no AWS client."""
