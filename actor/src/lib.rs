//! Actors whose panics stay their own, and the small runtime they stand on.
