//! Searches through the surface.
