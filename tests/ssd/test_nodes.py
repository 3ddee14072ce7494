import mxnet as mx

from gluon_ssd.ssd.nodes import Node, nodes


def test_nodes_come_after_their_inputs_with_what_the_graph_says_of_them() -> None:
    convolution = mx.sym.Convolution(mx.sym.Variable("data"), num_filter=4, kernel=(3, 3), no_bias=True, name="conv")
    assert nodes(mx.sym.Activation(convolution, act_type="relu", name="relu")) == [
        Node("null", "data", {}, ()),
        Node("null", "conv_weight", {"kernel": "(3, 3)", "no_bias": "True", "num_filter": "4"}, ()),
        Node(
            "Convolution", "conv", {"kernel": "(3, 3)", "no_bias": "True", "num_filter": "4"}, ("data", "conv_weight")
        ),
        Node("Activation", "relu", {"act_type": "relu"}, ("conv",)),
    ]
