//! This process's own environment.

/// Gives a variable a value where it has none. To be called by processes of one thread.
pub fn set_default(name: &str, value: &str) {
    if std::env::var_os(name).is_none() {
        // SAFETY: by the rule above nobody reads the environment at the same time.
        unsafe { std::env::set_var(name, value) };
    }
}
