//! The head: the newest samples of every series, in memory.
