"""`setup`, `plan`, `teardown`, `outputs`, `permissions`, `bundle`."""
