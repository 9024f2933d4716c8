//! Tests of the repository itself: the layers, the purity of the core, the licences.
