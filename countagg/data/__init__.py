"""What a stack stores: each form is described once, for the functions and the operator. It goes into the zip."""
