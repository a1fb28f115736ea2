"""Search: settings drawn from ranges, in place of a grid."""
