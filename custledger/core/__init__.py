"""The pure core: values in, frozen values out. No input or output, no clock, no database."""
