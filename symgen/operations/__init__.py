"""What one step of a plan can compute: a frozen value each, which `nn` builds under the same file
name.
"""
