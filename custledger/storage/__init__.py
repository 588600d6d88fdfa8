"""Tables, engine, schema and the journal that writes a record and its trail entry as one."""
