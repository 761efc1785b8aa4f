//! Options of commands that run a server: each a flag, and a line of a configuration file, by one definition.

/// Defines a set of options, and which of two sets wins. Nothing in a set has a default: what is said in neither place has one
/// where it is used.
macro_rules! options {
    ($(#[$outer:meta])* $set:ident { $($(#[$meta:meta])* $name:ident: $kind:ty,)* }) => {
        $(#[$outer])*
        #[derive(clap::Args, Clone, Debug, Default, serde::Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
        pub(crate) struct $set {
            $($(#[$meta])* #[serde(default)] pub(crate) $name: Option<$kind>,)*
        }

        impl $set {
            /// These, and where they say nothing, the others.
            pub(crate) fn or(self, others: Self) -> Self {
                Self { $($name: self.$name.or(others.$name),)* }
            }

            /// The names as they stand in a file.
            #[cfg(test)]
            pub(crate) fn names() -> Vec<String> {
                vec![$(stringify!($name).replace('_', "-"),)*]
            }
        }
    };
}

pub(crate) use options;
