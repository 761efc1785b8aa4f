//! Real peers driven from tests: browsers, Node, Python, coturn
