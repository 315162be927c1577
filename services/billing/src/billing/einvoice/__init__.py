"""The e-invoice of a frozen document: XRechnung (CII and UBL) and ZUGFeRD. Knows the frozen JSON and nothing else."""
