//! System V compatibility.
